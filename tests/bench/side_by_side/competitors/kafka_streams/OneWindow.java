import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.WindowStore;

/**
 * A one-minute tumbling window of a count, two sums and a maximum per account: Kafka Streams as its
 * documentation writes it. One stream thread, Jackson, a persistent store with its changelog.
 *
 * <p>Arguments: bootstrap servers, topic, kind of the records, events to count.
 */
public final class OneWindow {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Request(
      double timestamp,
      @JsonProperty("account_id") String account,
      @JsonProperty("input_tokens") long inputTokens,
      @JsonProperty("output_tokens") long outputTokens) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Metadata(@JsonProperty("user_api_key_hash") String key) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record LiteLlm(
      double startTime,
      Metadata metadata,
      @JsonProperty("prompt_tokens") long inputTokens,
      @JsonProperty("completion_tokens") long outputTokens) {
    Request request() {
      return new Request(startTime, metadata.key(), inputTokens, outputTokens);
    }
  }

  record Sums(long count, long inputTokens, long outputTokens, long most) {
    Sums plus(Request request) {
      return new Sums(
          count + 1,
          inputTokens + request.inputTokens(),
          outputTokens + request.outputTokens(),
          Math.max(most, request.outputTokens()));
    }
  }

  public static void main(String[] arguments) throws Exception {
    String topic = arguments[1];
    long expected = Long.parseLong(arguments[3]);
    Serde<Request> requests = Serdes.serdeFrom((t, r) -> new byte[0], reader(arguments[2]));
    AtomicLong seen = new AtomicLong();
    CountDownLatch done = new CountDownLatch(1);

    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(
            topic,
            Consumed.with(Serdes.String(), requests)
                .withTimestampExtractor(
                    (record, partition) -> (long) (((Request) record.value()).timestamp() * 1000)))
        .groupByKey(Grouped.with(Serdes.String(), requests))
        .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMinutes(1)))
        .aggregate(
            () -> new Sums(0, 0, 0, 0),
            (account, request, sums) -> {
              long count = seen.incrementAndGet();
              if (count == 1) say("first", count);
              if (count == expected) {
                say("last", count);
                done.countDown();
              } else if (count % 20_000 == 0) say("seen", count);
              return sums.plus(request);
            },
            Materialized.<String, Sums, WindowStore<Bytes, byte[]>>as("windows")
                .withKeySerde(Serdes.String())
                .withValueSerde(Serdes.serdeFrom(WRITE, READ))
                // Else a window is gone, a minute of event time after it, before it is proved.
                .withRetention(Duration.ofDays(1)));

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "one-window-" + System.nanoTime());
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("streams").toString());
    settings.put("auto.offset.reset", "earliest");
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    done.await();
    prove(streams);
    streams.close(Duration.ofSeconds(20));
    streams.cleanUp();
  }

  private static Deserializer<Request> reader(String kind) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectReader canonical = mapper.readerFor(Request.class);
    ObjectReader liteLlm = mapper.readerFor(LiteLlm.class);
    return (topic, bytes) -> {
      try {
        return kind.equals("litellm")
            ? liteLlm.<LiteLlm>readValue(bytes).request()
            : canonical.readValue(bytes);
      } catch (java.io.IOException error) {
        throw new java.io.UncheckedIOException(error);
      }
    };
  }

  private static final Serializer<Sums> WRITE =
      (topic, sums) ->
          ByteBuffer.allocate(32)
              .putLong(sums.count())
              .putLong(sums.inputTokens())
              .putLong(sums.outputTokens())
              .putLong(sums.most())
              .array();

  private static final Deserializer<Sums> READ =
      (topic, bytes) -> {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new Sums(buffer.getLong(), buffer.getLong(), buffer.getLong(), buffer.getLong());
      };

  /** Says what all windows hold together. */
  private static void prove(KafkaStreams streams) {
    long events = 0;
    long tokens = 0;
    var query =
        StoreQueryParameters.fromNameAndType(
            "windows", QueryableStoreTypes.<String, Sums>windowStore());
    try (var all = streams.store(query).all()) {
      while (all.hasNext()) {
        Sums sums = all.next().value;
        events += sums.count();
        tokens += sums.outputTokens();
      }
    }
    System.out.printf(
        Locale.ROOT, "{\"what\": \"total\", \"events\": %d, \"tokens\": %d}%n", events, tokens);
  }

  private static void say(String what, long events) {
    System.out.printf(
        Locale.ROOT,
        "{\"what\": \"%s\", \"at\": %.6f, \"events\": %d}%n",
        what,
        System.nanoTime() / 1e9,
        events);
  }
}
