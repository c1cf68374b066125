package rpcdns.testbed;

import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

/**
 * An unmodified Dubbo consumer that knows no registry: {@code Consumer URL INTERFACE METHOD ARGUMENT
 * [--version V] [--group G] [--timeout MS]} calls once and prints {@code ANSWER text}.
 */
public final class Consumer {
    public static void main(String[] args) {
        Arguments arguments = new Arguments(args);
        int status = 0;
        try {
            System.out.println("ANSWER " + call(arguments));
        } catch (Throwable e) {
            System.out.println("ERROR " + e);
            for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
                System.out.println("ERROR by " + cause);
            }
            status = 1;
        }
        // The answer is all that is wanted: no need to wait for Dubbo's orderly end.
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    private static Object call(Arguments arguments) throws Exception {
        ApplicationConfig application = new ApplicationConfig("consumer");
        application.setQosEnable(false);
        DubboBootstrap.getInstance().application(application).registry(new RegistryConfig("N/A"));

        Class<?> type = Class.forName(arguments.words.get(1));
        ReferenceConfig<Object> reference = new ReferenceConfig<>();
        reference.setInterface(type);
        reference.setUrl(arguments.words.get(0));
        reference.setVersion(arguments.get("version"));
        reference.setGroup(arguments.get("group"));
        reference.setTimeout(Integer.parseInt(arguments.get("timeout", "5000")));
        reference.setRetries(0);
        Object proxy = reference.get();
        return type.getMethod(arguments.words.get(2), String.class).invoke(proxy, arguments.words.get(3));
    }
}
