package rpcdns.testbed;

import com.alibaba.nacos.core.code.ControllerMethodsCache;
import javax.annotation.PostConstruct;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.actuate.autoconfigure.security.servlet.ManagementWebSecurityAutoConfiguration;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.security.servlet.SecurityAutoConfiguration;
import org.springframework.boot.autoconfigure.security.servlet.UserDetailsServiceAutoConfiguration;
import org.springframework.boot.web.servlet.ServletComponentScan;
import org.springframework.scheduling.annotation.EnableScheduling;

/**
 * Naming and config of Nacos in one process, as its own console starts them, without the console. Everything else is said
 * by system properties: {@code nacos.home}, {@code nacos.standalone}, {@code server.port}.
 */
@SpringBootApplication(
        scanBasePackages = {"com.alibaba.nacos", "rpcdns.testbed"},
        exclude = {
            ManagementWebSecurityAutoConfiguration.class,
            SecurityAutoConfiguration.class,
            UserDetailsServiceAutoConfiguration.class
        })
@ServletComponentScan("com.alibaba.nacos")
@EnableScheduling
public class NacosServer {
    @Autowired
    private ControllerMethodsCache methods;

    public static void main(String[] args) {
        SpringApplication.run(NacosServer.class, args);
    }

    /** The console does it for its own packages; without it no HTTP request finds its way through the filters. */
    @PostConstruct
    void readControllers() {
        methods.initClassMethod("com.alibaba.nacos.core.controller");
        methods.initClassMethod("com.alibaba.nacos.naming.controllers");
        methods.initClassMethod("com.alibaba.nacos.config.server.controller");
    }
}
