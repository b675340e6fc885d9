import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;

/**
 * A job in Flink SQL: two topics, each into columns of the same table by upserts. Its words: brokers, the topic of orders, that of
 * payments, the JDBC URL, the class of the driver, and the number of tasks side by side.
 */
public final class FlinkSink {
    private static final int BATCH_ROWS = 5_000;

    private final TableEnvironment tables;
    private final String brokers;
    private final String url;
    private final String driver;

    private FlinkSink(TableEnvironment tables, String brokers, String url, String driver) {
        this.tables = tables;
        this.brokers = brokers;
        this.url = url;
        this.driver = driver;
    }

    public static void main(String[] words) throws Exception {
        Configuration settings = new Configuration();
        settings.setString("parallelism.default", words[5]);
        settings.setString("execution.checkpointing.interval", "1 s");
        settings.setString("pipeline.object-reuse", "true");
        TableEnvironment tables = TableEnvironment.create(
                EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
        FlinkSink job = new FlinkSink(tables, words[0], words[3], words[4]);
        StatementSet both = tables.createStatementSet();
        both.addInsertSql(job.copied("order", words[1], "orderStatus"));
        both.addInsertSql(job.copied("payment", words[2], "paymentStatus"));
        both.execute().await();
    }

    /** Declares a topic and its columns of the table, and returns the statement that copies one into the other. */
    private String copied(String name, String topic, String status) {
        String columns = "`orderId` STRING, `eventType` STRING, `" + status + "` STRING, `timestamp` STRING";
        tables.executeSql("CREATE TABLE " + name + "_events (" + columns + ") WITH ("
                + "'connector' = 'kafka', 'topic' = '" + topic + "', 'properties.bootstrap.servers' = '" + brokers + "', "
                + "'properties.group.id' = 'flink-" + topic + "', 'properties.max.partition.fetch.bytes' = '4194304', "
                + "'properties.max.poll.records' = '" + BATCH_ROWS + "', "
                + "'scan.startup.mode' = 'earliest-offset', 'format' = 'json')");
        tables.executeSql("CREATE TABLE " + name + "_rows (" + columns + ", PRIMARY KEY (`orderId`) NOT ENFORCED) WITH ("
                + "'connector' = 'jdbc', 'url' = '" + url + "', 'driver' = '" + driver + "', 'username' = 'root', "
                + "'password' = '', 'table-name' = 'orders', 'sink.buffer-flush.max-rows' = '" + BATCH_ROWS + "')");
        return "INSERT INTO " + name + "_rows SELECT * FROM " + name + "_events";
    }
}
