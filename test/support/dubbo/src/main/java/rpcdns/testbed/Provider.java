package rpcdns.testbed;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.service.GenericService;

/**
 * An unmodified Dubbo provider: exports the interfaces that its command line names, each as
 * {@code interface[:version[:group]]}, prints {@code READY}, and then obeys {@code export NAME} and
 * {@code unexport NAME} on its standard input. An interface that is not on the class path is exported
 * through Dubbo's GenericService. SIGTERM lets Dubbo's own shutdown hook unregister everything.
 */
public final class Provider {
    private final ApplicationConfig application;
    private final RegistryConfig registry;
    private final ProtocolConfig protocol;
    private final Map<String, ServiceConfig<Object>> exported = new LinkedHashMap<>();

    private Provider(Arguments arguments) {
        String registerMode = arguments.get("register-mode", "interface");
        boolean interfaceModeOnly = registerMode.equals("interface");

        application = new ApplicationConfig(arguments.get("application", "demo"));
        application.setRegisterMode(registerMode);
        String qosPort = arguments.get("qos-port");
        application.setQosEnable(qosPort != null);
        if (qosPort != null) {
            application.setQosPort(Integer.parseInt(qosPort));
            application.setQosHost(arguments.get("qos-host"));
            // All that is not given stays as Dubbo has it by default.
            application.setQosAcceptForeignIpWhitelist(arguments.get("qos-whitelist"));
            if (arguments.get("qos-foreign-ip") != null) {
                application.setQosAcceptForeignIp(Boolean.valueOf(arguments.get("qos-foreign-ip")));
            }
            application.setQosAnonymousAccessPermissionLevel(arguments.get("qos-anonymous-level"));
        }

        String nacos = arguments.get("nacos");
        registry = new RegistryConfig(
                nacos == null
                        ? "zookeeper://" + arguments.get("zookeeper", "127.0.0.1:2181")
                        : "nacos://" + nacos);
        registry.setRegisterMode(registerMode);
        // Only instance mode needs a place for metadata and for the mapping of interfaces.
        registry.setUseAsMetadataCenter(!interfaceModeOnly);
        registry.setUseAsConfigCenter(false);
        registry.setTimeout(10_000);
        if (arguments.get("retry-period") != null) {
            registry.setParameters(Map.of("retry.period", arguments.get("retry-period")));
        }

        protocol = new ProtocolConfig(
                arguments.get("protocol", "dubbo"), Integer.parseInt(arguments.get("port", "20880")));
        String host = arguments.get("host");
        if (host != null) {
            // Registered as given, though it need not be an address of this machine: bound to all.
            System.setProperty("DUBBO_IP_TO_REGISTRY", host);
        }
    }

    public static void main(String[] args) throws Exception {
        Arguments arguments = new Arguments(args);
        Provider provider = new Provider(arguments);
        DubboBootstrap.getInstance()
                .application(provider.application)
                .registry(provider.registry)
                .protocol(provider.protocol)
                .start();

        for (String name : arguments.words) {
            provider.export(name);
        }
        int generated = Integer.parseInt(arguments.get("generic-count", "0"));
        String prefix = arguments.get("generic", "com.foo.gen.Service");
        for (int i = 1; i <= generated; i++) {
            provider.export(String.format("%s%04d", prefix, i));
        }
        System.out.println("READY");
        provider.obey();
        Thread.currentThread().join();
    }

    private void obey() throws Exception {
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = line.trim().split("\\s+");
            try {
                if (words.length == 2 && words[0].equals("export")) {
                    export(words[1]);
                    System.out.println("EXPORTED " + words[1]);
                } else if (words.length == 2 && words[0].equals("unexport")) {
                    unexport(words[1]);
                    System.out.println("UNEXPORTED " + words[1]);
                } else {
                    System.out.println("ERROR unknown command: " + line);
                }
            } catch (RuntimeException e) {
                System.out.println("ERROR " + line + ": " + e);
            }
        }
    }

    private void export(String spec) {
        String[] parts = spec.split(":", 3);
        String version = parts.length > 1 && !parts[1].isEmpty() ? parts[1] : null;
        String group = parts.length > 2 && !parts[2].isEmpty() ? parts[2] : null;
        String answer = "from " + parts[0]
                + " version " + (version == null ? "-" : version)
                + " group " + (group == null ? "-" : group)
                + " port " + protocol.getPort();

        ServiceConfig<Object> service = new ServiceConfig<>();
        Class<?> type = load(parts[0]);
        if (type == null) {
            service.setInterface(parts[0]);
            GenericService generic = (method, types, values) -> "hello " + values[0] + " " + answer;
            service.setRef(generic);
        } else {
            service.setInterface(type);
            service.setRef(Proxy.newProxyInstance(
                    type.getClassLoader(), new Class<?>[] {type}, (proxy, method, values) -> invoke(proxy, method, values, answer)));
        }
        service.setVersion(version);
        service.setGroup(group);
        service.setRegistry(registry);
        service.setProtocol(protocol);
        service.export();
        exported.put(spec, service);
    }

    private void unexport(String spec) {
        ServiceConfig<Object> service = exported.remove(spec);
        if (service == null) {
            throw new IllegalArgumentException("not exported: " + spec);
        }
        service.unexport();
    }

    private static Object invoke(Object proxy, Method method, Object[] values, String answer) {
        return switch (method.getName()) {
            case "toString" -> answer;
            case "hashCode" -> System.identityHashCode(proxy);
            case "equals" -> proxy == values[0];
            default -> "hello " + values[0] + " " + answer;
        };
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException e) {
            return null;
        }
    }
}
