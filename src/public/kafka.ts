export {
  type KafkaLogin,
  type KafkaLogOptions,
  openKafkaLog,
  tokenFromEndpoint,
  tokenFromFile,
} from '../adapters/kafka/index.ts';
