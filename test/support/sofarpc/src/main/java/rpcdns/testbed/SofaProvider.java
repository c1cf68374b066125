package rpcdns.testbed;

import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.RegistryConfig;
import com.alipay.sofa.rpc.config.ServerConfig;
import java.lang.reflect.Proxy;

/**
 * An unmodified SOFARPC provider: {@code REGISTRY PORT APPLICATION HOST interface[:uniqueId]…}; REGISTRY is ZooKeeper's {@code HOST:PORT} or
 * {@code nacos://HOST:PORT} or {@code sofa://HOST:PORT}, a HOST of {@code -} is the machine's own. Prints {@code READY} when all is registered. SIGTERM lets SOFARPC's own shutdown hook unregister everything.
 */
public final class SofaProvider {
    private SofaProvider() {}

    public static void main(String[] args) throws Exception {
        String[] where = args[0].split("://", 2);
        RegistryConfig registry = where.length == 1
                ? new RegistryConfig().setProtocol("zookeeper").setAddress(args[0])
                : new RegistryConfig().setProtocol(where[0]).setAddress(where[1]);
        int port = Integer.parseInt(args[1]);
        ServerConfig server = new ServerConfig().setProtocol("bolt").setPort(port).setDaemon(false);
        if (!args[3].equals("-")) {
            // Registered as given, though it need not be an address of this machine.
            server.setVirtualHost(args[3]);
        }
        ApplicationConfig application = new ApplicationConfig().setAppName(args[2]);
        for (int i = 4; i < args.length; i++) {
            String[] parts = args[i].split(":", 2);
            String uniqueId = parts.length > 1 ? parts[1] : "";
            Class<?> type = Class.forName(parts[0]);
            Object implementation = Proxy.newProxyInstance(
                    type.getClassLoader(),
                    new Class<?>[] {type},
                    (proxy, method, arguments) ->
                            "hello " + arguments[0] + " from " + parts[0] + " uniqueId " + uniqueId + " port " + port);
            ProviderConfig<Object> provider = new ProviderConfig<Object>();
            if (!uniqueId.isEmpty()) {
                provider.setUniqueId(uniqueId);
            }
            provider.setInterfaceId(parts[0])
                    .setRef(implementation)
                    .setApplication(application)
                    .setServer(server)
                    .setRegistry(registry)
                    .export();
        }
        System.out.println("READY");
        Thread.currentThread().join();
    }
}
