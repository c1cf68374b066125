package com.foo;

/** An interface with an inner one, whose name has a {@code $}. */
public interface OrderService {
    String hello(String name);

    /** Exported as {@code com.foo.OrderService$Inner}. */
    interface Inner {
        String hello(String name);
    }
}
