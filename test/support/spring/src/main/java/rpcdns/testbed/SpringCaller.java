package rpcdns.testbed;

import org.springframework.web.client.RestClient;

/** Calls a URL with Spring's client, by whatever its host name resolves to, and prints the answer. */
public final class SpringCaller {
    private SpringCaller() {}

    public static void main(String[] args) {
        String answer = RestClient.create().get().uri(args[0]).retrieve().body(String.class);
        System.out.println("ANSWER " + answer);
    }
}
