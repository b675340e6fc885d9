import { send } from './client.ts';
import { LiveStream } from './stream.ts';

/** The stream of the page. */
export const stream = new LiveStream(send);
