# What compose.yaml takes from registries, made of Debian's packages and Apache Kafka's jars (the folder it is built
# in): the same users, folders and commands as the originals.
ARG BASE
FROM ${BASE} AS packages
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Options::=--force-unsafe-io \
        openjdk-17-jre-headless prometheus prometheus-alertmanager wget \
    && rm -rf /var/lib/apt/lists/*

FROM packages AS prometheus
RUN install -d -o nobody -g nogroup /prometheus
USER nobody
ENTRYPOINT ["/usr/bin/prometheus"]

FROM packages AS alertmanager
RUN install -d -o nobody -g nogroup /alertmanager
USER nobody
ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]

# The original runs this wrapper, too: it makes the configuration from the variables and formats the folder.
FROM packages AS kafka
COPY . /opt/kafka/libs
RUN useradd --create-home appuser \
    && mkdir -p /opt/kafka/bin /opt/kafka/config /etc/kafka/docker /mnt/shared/config /var/lib/kafka/data \
    && printf '#!/bin/sh\nexec java -cp "/opt/kafka/libs/*" org.apache.kafka.tools.BrokerApiVersionsCommand "$@"\n' \
        > /opt/kafka/bin/kafka-broker-api-versions.sh \
    && chmod +x /opt/kafka/bin/kafka-broker-api-versions.sh \
    && chown -R appuser /opt/kafka /mnt/shared/config /var/lib/kafka
USER appuser
CMD ["sh", "-ec", "java -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config; exec java -Xmx512m -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties"]
