/**
 * The producers of a target that is a topic, so that whoever takes over a delivery can shut out the one that had it.
 */
export interface Senders {
  noteSender(target: string, sender: string): Promise<void>;
  /** All that were noted and not forgotten, of the last seven days: a log knows none for longer. */
  readSenders(target: string): Promise<string[]>;
  forgetSender(target: string, sender: string): Promise<void>;
}
