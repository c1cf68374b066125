import java.net.InetAddress;
import java.net.UnknownHostException;

/** Prints the addresses that the JVM resolves a name to, one a line, or why it does not. */
public final class Resolve {
  public static void main(String[] names) {
    try {
      for (InetAddress address : InetAddress.getAllByName(names[0])) {
        System.out.println(address.getHostAddress());
      }
    } catch (UnknownHostException problem) {
      System.err.println(problem);
      System.exit(2);
    }
  }
}
