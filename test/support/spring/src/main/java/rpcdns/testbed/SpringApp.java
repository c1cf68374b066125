package rpcdns.testbed;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.core.env.Environment;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** A Spring Cloud application; what it is called and where it registers is said by its command line. */
@SpringBootConfiguration
@EnableAutoConfiguration
@RestController
public class SpringApp {
    private final Environment environment;

    public SpringApp(Environment environment) {
        this.environment = environment;
    }

    public static void main(String[] args) {
        SpringApplication.run(SpringApp.class, args);
    }

    @GetMapping("/hello")
    public String hello(@RequestParam(name = "name") String name) {
        return "hello " + name + " from " + environment.getProperty("spring.application.name")
                + " port " + environment.getProperty("server.port");
    }
}
