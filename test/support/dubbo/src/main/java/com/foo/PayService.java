package com.foo;

/** One of the interfaces that the tests export. */
public interface PayService {
    String hello(String name);
}
