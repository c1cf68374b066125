package rpcdns.testbed;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;

/** A Spring Cloud application that registers in Consul; what it is called and where is said by its command line. */
@SpringBootConfiguration
@EnableAutoConfiguration
public class ConsulApp {
    public static void main(String[] args) {
        SpringApplication.run(ConsulApp.class, args);
    }
}
