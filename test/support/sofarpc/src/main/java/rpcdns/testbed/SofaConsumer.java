package rpcdns.testbed;

import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.foo.UserService;

/** An unmodified SOFARPC consumer: {@code URL UNIQUE_ID ARGUMENT} calls {@code hello} once, without a registry. */
public final class SofaConsumer {
    private SofaConsumer() {}

    public static void main(String[] args) {
        ConsumerConfig<UserService> consumer = new ConsumerConfig<UserService>();
        if (!args[1].equals("-")) {
            consumer.setUniqueId(args[1]);
        }
        UserService service = consumer.setInterfaceId(UserService.class.getName())
                .setProtocol("bolt")
                .setDirectUrl(args[0])
                .setTimeout(5000)
                .setConnectTimeout(5000)
                .refer();
        System.out.println("ANSWER " + service.hello(args[2]));
        System.exit(0);
    }
}
