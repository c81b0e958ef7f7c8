"""The running worker: the stages of the pipeline over Kafka topics. The only room with Faust."""
