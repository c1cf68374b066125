package com.foo;

/** One of the interfaces that the tests export. */
public interface StockService {
    String hello(String name);
}
