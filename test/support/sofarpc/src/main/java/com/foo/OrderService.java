package com.foo;

/** One of the interfaces that the tests export. */
public interface OrderService {
    String hello(String name);
}
