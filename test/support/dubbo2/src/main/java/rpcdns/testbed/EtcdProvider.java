package rpcdns.testbed;

import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.service.GenericService;

/**
 * An unmodified Dubbo 2.7 provider that registers in etcd: {@code ETCD-HOST:PORT PORT LEASE-MS
 * INTERFACE[:VERSION[:GROUP]]…}. Exports each through Dubbo's GenericService, prints {@code READY}, and lasts until
 * SIGTERM, at which Dubbo's own shutdown hook unregisters everything.
 */
public final class EtcdProvider {
    public static void main(String[] args) throws Exception {
        ApplicationConfig application = new ApplicationConfig("user-app");
        application.setQosEnable(false);
        RegistryConfig registry = new RegistryConfig("etcd3://" + args[0]);
        registry.setSession(Integer.valueOf(args[2]));
        registry.setUseAsMetadataCenter(false);
        registry.setUseAsConfigCenter(false);
        DubboBootstrap dubbo = DubboBootstrap.getInstance()
                .application(application)
                .registry(registry)
                .protocol(new ProtocolConfig("dubbo", Integer.parseInt(args[1])));
        for (int i = 3; i < args.length; i++) {
            dubbo.service(service(args[i]));
        }
        dubbo.start();
        System.out.println("READY");
        Thread.currentThread().join();
    }

    private static ServiceConfig<GenericService> service(String spec) {
        String[] parts = spec.split(":");
        ServiceConfig<GenericService> service = new ServiceConfig<>();
        // without one of its own Dubbo takes the second for the first
        service.setId(spec);
        service.setInterface(parts[0]);
        service.setGeneric("true");
        service.setRef((method, types, values) -> "hello " + values[0]);
        if (parts.length > 1) {
            service.setVersion(parts[1]);
        }
        if (parts.length > 2) {
            service.setGroup(parts[2]);
        }
        return service;
    }
}
