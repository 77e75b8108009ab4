import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/** Neo4j Community in one JVM, with a password, Bolt on loopback. Arguments: home, port, password file. */
public class Server {
  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]);
    int port = Integer.parseInt(args[1]);
    String password = Files.readString(Path.of(args[2])).strip();
    Files.createDirectories(home);
    var dbms = new DatabaseManagementServiceBuilder(home)
        .loadPropertiesFromFile(home.resolve("neo4j.conf"))
        .setConfig(GraphDatabaseSettings.auth_enabled, true)
        .setConfig(BoltConnector.enabled, true)
        .setConfig(BoltConnector.listen_address, new SocketAddress("127.0.0.1", port))
        .build();
    Runtime.getRuntime().addShutdownHook(new Thread(dbms::shutdown));
    Path passwordSet = home.resolve("password-set"); // setting the password it already has is an error
    if (!Files.exists(passwordSet)) {
      dbms.database("system").executeTransactionally(
          "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED", Map.of("password", password));
      Files.createFile(passwordSet);
    }
    System.out.println("READY bolt://127.0.0.1:" + port);
    Thread.currentThread().join();
  }
}
