package rpcdns.testbed;

import java.lang.reflect.Method;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

/**
 * An unmodified Dubbo consumer that knows no registry: {@code Consumer URL INTERFACE METHOD ARGUMENT
 * [--version V] [--group G] [--timeout MS]} calls once and prints {@code ANSWER text}. With {@code --every MS} it
 * calls so often until its standard input ends, each time once more when it failed, and prints {@code CALLED} with
 * how many succeeded and how many did not.
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
        Method method = type.getMethod(arguments.words.get(2), String.class);
        String every = arguments.get("every");
        return every == null ? callOnce(arguments, type, method) : callOn(arguments, type, method, Long.parseLong(every));
    }

    /** By a connection of its own: Dubbo looks for a lost one only after a while. */
    private static Object callOnce(Arguments arguments, Class<?> type, Method method) throws Exception {
        ReferenceConfig<Object> reference = new ReferenceConfig<>();
        reference.setInterface(type);
        reference.setUrl(arguments.words.get(0));
        reference.setVersion(arguments.get("version"));
        reference.setGroup(arguments.get("group"));
        reference.setTimeout(Integer.parseInt(arguments.get("timeout", "5000")));
        reference.setRetries(0);
        try {
            return method.invoke(reference.get(), arguments.words.get(3));
        } finally {
            reference.destroy();
        }
    }

    private static Object callOn(Arguments arguments, Class<?> type, Method method, long everyMs) throws Exception {
        int good = 0;
        int bad = 0;
        Object last = null;
        while (System.in.available() == 0) {
            Object answer = callTwice(arguments, type, method);
            if (answer == null) {
                bad++;
            } else {
                good++;
                if (!answer.equals(last)) {
                    System.out.println("NOW " + answer);
                    last = answer;
                }
            }
            Thread.sleep(everyMs);
        }
        return "CALLED " + good + " " + bad;
    }

    private static Object callTwice(Arguments arguments, Class<?> type, Method method) throws Exception {
        for (int attempt = 1; attempt <= 2; attempt++) {
            try {
                return callOnce(arguments, type, method);
            } catch (Exception e) {
                System.out.println("FAILED attempt " + attempt + ": " + e + " by " + e.getCause());
            }
        }
        return null;
    }
}
