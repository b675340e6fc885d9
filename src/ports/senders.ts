/**
 * Notes the producers of a target that is a topic, so that a successor can shut out the producer whose deliveries it
 * takes over.
 */
export interface Senders {
  /** A sender's name has at most 100 ASCII characters. */
  noteSender(target: string, sender: string): Promise<void>;
  /**
   * The producers that were noted in the last seven days and not forgotten, in any sequence. A log forgets a producer after
   * at most that time.
   */
  readSenders(target: string): Promise<string[]>;
  forgetSender(target: string, sender: string): Promise<void>;
}
