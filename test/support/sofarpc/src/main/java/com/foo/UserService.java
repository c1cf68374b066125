package com.foo;

/** One of the interfaces that the tests export. */
public interface UserService {
    String hello(String name);
}
