import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * The small work on Kafka Streams, exactly once (v2), with changelogs. Caches are on for the two stores
 * of sums and off for the set of givers, which is put to once a giver: both were its best.
 *
 * <p>Arguments: brokers, topic, events, memory|rocksdb, threads, a folder for state. Told on standard
 * output: a line of figures, then the state, a line a piece.
 */
public final class SmallWork {
    private static final JsonFactory JSON = new JsonFactory();
    private static final AtomicLong HANDLED = new AtomicLong();
    private static final CountDownLatch DONE = new CountDownLatch(1);
    private static long events;
    private static volatile long begunAt;
    private static volatile long halfAt;
    private static volatile long cpuBefore;

    /** One act, as far as the work reads it. */
    private static final class Act {
        String service;
        String giver;
        String day;
        String pair;
        int minutes;
    }

    private static final class Work implements Processor<byte[], byte[], Void, Void> {
        private KeyValueStore<String, byte[]> days;
        private KeyValueStore<String, Long> pairs;
        private KeyValueStore<String, byte[]> givers;

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            days = context.getStateStore("days");
            pairs = context.getStateStore("pairs");
            givers = context.getStateStore("givers");
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            if (begunAt == 0) {
                begin();
            }
            Act act = read(record.value());
            String day = act.service + '|' + act.day;
            byte[] held = days.get(day);
            ByteBuffer before = held == null ? null : ByteBuffer.wrap(held);
            long count = before == null ? 0 : before.getLong(0);
            long minutes = before == null ? 0 : before.getLong(8);
            days.put(
                    day,
                    ByteBuffer.allocate(16).putLong(count + 1).putLong(minutes + act.minutes).array());
            String pair = act.service + '|' + act.pair;
            Long weight = pairs.get(pair);
            pairs.put(pair, (weight == null ? 0 : weight) + act.minutes);
            givers.putIfAbsent(act.service + '|' + act.giver, new byte[] {1});
            long handled = HANDLED.incrementAndGet();
            if (handled == events / 2) {
                halfAt = System.nanoTime();
            }
            if (handled == events) {
                DONE.countDown();
            }
        }
    }

    private static synchronized void begin() {
        if (begunAt == 0) {
            cpuBefore = cpu();
            begunAt = System.nanoTime();
        }
    }

    private static Act read(byte[] value) {
        Act act = new Act();
        String party = "";
        String receiver = "-";
        try (JsonParser parser = JSON.createParser(value)) {
            int depth = 0;
            int receivers = 0; // how deep within the list of receivers
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token.isStructStart()) {
                    depth++;
                    if (depth == 3 && "receivers".equals(parser.currentName())) {
                        receivers = depth;
                    }
                } else if (token.isStructEnd()) {
                    if (depth == receivers) {
                        receivers = 0;
                    }
                    depth--;
                } else if (token == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    if (depth == 2) {
                        switch (name) {
                            case "service_id" -> act.service = parser.nextTextValue();
                            case "giver_id" -> act.giver = parser.nextTextValue();
                            case "giver_party" -> party = parser.nextTextValue();
                            case "occurred_at" -> act.day = parser.nextTextValue().substring(0, 10);
                            case "minutes" -> act.minutes = parser.nextIntValue(0);
                            default -> { }
                        }
                    } else if (receivers > 0 && receiver.equals("-") && name.equals("party")) {
                        receiver = parser.nextTextValue();
                    }
                }
            }
        } catch (IOException broken) {
            throw new IllegalStateException(broken);
        }
        act.pair = party + '>' + receiver;
        return act;
    }

    private static KeyValueBytesStoreSupplier store(String kind, String name) {
        return kind.equals("memory")
                ? Stores.inMemoryKeyValueStore(name)
                : Stores.persistentKeyValueStore(name);
    }

    private static Properties settings(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + UUID.randomUUID());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[4]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[5]);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        return settings;
    }

    public static void main(String[] arguments) throws Exception {
        events = Long.parseLong(arguments[2]);
        String kind = arguments[3];
        Serde<String> text = Serdes.String();
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(
                Stores.keyValueStoreBuilder(store(kind, "days"), text, Serdes.ByteArray())
                        .withCachingEnabled());
        builder.addStateStore(
                Stores.keyValueStoreBuilder(store(kind, "pairs"), text, Serdes.Long())
                        .withCachingEnabled());
        builder.addStateStore(
                Stores.keyValueStoreBuilder(store(kind, "givers"), text, Serdes.ByteArray()));
        builder.stream(arguments[1], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(Work::new, "days", "pairs", "givers");
        KafkaStreams streams = new KafkaStreams(builder.build(), settings(arguments));
        streams.start();
        DONE.await();
        long now = System.nanoTime();
        double seconds = (now - begunAt) / 1e9;
        double steady = (events - events / 2) / ((now - halfAt) / 1e9);
        double cpu = (cpu() - cpuBefore) / 1e3 / events;
        PrintStream out = new PrintStream(System.out, false);
        out.printf("%d %d %.2f %d%n", Math.round(events / seconds), Math.round(steady), cpu, peak());
        tell(streams, out);
        out.flush();
        streams.close(Duration.ofSeconds(20));
    }

    private static void tell(KafkaStreams streams, PrintStream out) {
        try (KeyValueIterator<String, byte[]> all = open(streams, "days")) {
            all.forEachRemaining(held -> {
                ByteBuffer value = ByteBuffer.wrap(held.value);
                out.println("day|" + held.key + '|' + value.getLong(0) + '|' + value.getLong(8));
            });
        }
        try (KeyValueIterator<String, Long> all = open(streams, "pairs")) {
            all.forEachRemaining(held -> out.println("pair|" + held.key + '|' + held.value));
        }
        try (KeyValueIterator<String, byte[]> all = open(streams, "givers")) {
            all.forEachRemaining(held -> out.println("giver|" + held.key));
        }
    }

    private static <V> KeyValueIterator<String, V> open(KafkaStreams streams, String name) {
        return streams.store(
                        StoreQueryParameters.fromNameAndType(
                                name, QueryableStoreTypes.<String, V>keyValueStore()))
                .all();
    }

    /** Returns nanoseconds of processor time of this process. */
    private static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    /** Returns the most memory this process ever held, in MB. */
    private static long peak() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
            }
        }
        throw new IllegalStateException("the kernel does not tell");
    }

    private SmallWork() {}
}
