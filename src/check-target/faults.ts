/** `fail`: states will be lost, wrong, or never arrive. `warn`: it works, and costs somebody time. */
export type Severity = 'fail' | 'warn';

interface Fault {
  readonly severity: Severity;
  /** What the target's owner has to do. */
  readonly remedy: string;
}

const fail = (remedy: string): Fault => ({ severity: 'fail', remedy });
const warn = (remedy: string): Fault => ({ severity: 'warn', remedy });

/**
 * Everything that can be found wrong with a target, by codes that never change their meaning: scripts compare
 * them. docs/being-a-target.md has all of them (a test holds the two together).
 */
export const FAULTS = {
  target_unreachable: fail('Start the target, or correct the URL.'),
  no_answer_in_time: fail('Answer every request within the deadline; put long work behind the answer.'),
  connection_broken: fail('Answer every request in whole; the log of the target should say why it did not.'),
  redirects: fail('Answer under the URL that is given; redirects are not followed.'),
  throttled: fail('Answer 429 or 503 only if the same request can succeed soon; say by Retry-After when.'),
  secret_wanted: fail('Give the secret of the target, or let the target take unsigned requests on loopback.'),
  right_signature_refused: fail(
    'Verify HMAC-SHA256 over "id.timestamp.body" with the bytes as received, and the same secret on both sides.',
  ),
  state_refused: fail('Answer 2xx to a state that is as the contract says.'),
  not_stored: fail('Store the state before you answer 2xx; it is never sent again after that.'),
  stored_after_answer: fail(
    'Answer after the commit: what is lost between answer and commit is never sent again.',
  ),
  state_differs: fail('Keep all six fields as they were sent.'),
  delivery_id_wrong: fail(
    'Answer with the webhook-id of the request as delivery_id, or without that field; another one is not believed.',
  ),
  signature_wrong_accepted: fail('Refuse with 401 what no known secret signed.'),
  signature_missing_accepted: fail('Refuse with 401 what has no webhook-signature.'),
  timestamp_old_accepted: fail('Refuse with 401 a webhook-timestamp more than 5 minutes in the past.'),
  timestamp_future_accepted: fail('Refuse with 401 a webhook-timestamp more than 5 minutes in the future.'),
  body_changed_accepted: fail('Compute the signature over the bytes of the body as they were received.'),
  refused_but_stored: fail('Verify the signature before anything is stored.'),
  refusal_fails: fail('Answer 401 to a request that is not signed right; a 5xx is tried again and again.'),
  refusal_not_401: warn('Answer 401, so that the reason is seen in the ledger.'),
  signature_rotation_refused: fail(
    'Split webhook-signature at blanks, and accept the request if any one of the signatures fits.',
  ),
  duplicate_fails: fail('Look the delivery id up first; answer 200 if it is known with the same payload.'),
  duplicate_refused: fail(
    'Answer 200 to an id that is known with the same payload: the first answer was lost.',
  ),
  duplicate_applied_twice: fail(
    'Store the delivery id in the transaction of its effect, and do nothing for a known one.',
  ),
  duplicate_undid_newer: fail('Do nothing for a known id; never let the version fall.'),
  duplicates_at_once_fail: fail(
    'Make the delivery id a primary key and insert it first; answer 200 or 409 to the one that comes second.',
  ),
  payload_change_accepted: fail(
    'Keep a hash of the payload beside the delivery id, and answer 422 if it differs.',
  ),
  payload_change_fails: fail(
    'Answer 422 to a known id with another payload; a 5xx is tried again and again.',
  ),
  payload_change_not_422: warn(
    'Answer 422: after 409 the delivery is tried again, as if you were still at work on that id.',
  ),
  older_version_won: fail('Write a state only if its version is above the one that is held.'),
  older_version_refused: fail(
    'Answer 200 to an older version and ignore it; a refusal makes a dead letter of it.',
  ),
  equal_version_won: fail(
    'Write a state only if its version is above the one that is held, not if it is equal.',
  ),
  equal_version_refused: fail(
    'Answer 200 to an equal version and ignore it; a refusal makes a dead letter of it.',
  ),
  versions_at_once_lower_won: fail(
    'Compare the versions inside the statement or the transaction that writes, not before it.',
  ),
  versions_at_once_refused: fail('Let requests for one order wait for each other instead of failing.'),
  extra_fields_refused: fail('Ignore fields that you do not know: later versions may add some.'),
  garbage_accepted: fail('Answer 400 to a body that is no state; nothing of it can be stored.'),
  garbage_fails: fail('Answer 400 to a body that is no state; a 5xx is tried again and again.'),
  id_refused: fail('Take every id of 1 to 255 bytes of UTF-8.'),
  id_changed: fail(
    'Keep the id as it is: no trimming, no folding of case, no normalising; 255 bytes, not fewer.',
  ),
  ids_confused: fail('Compare ids by their bytes: use a binary collation that does not pad blanks.'),
  idempotency_key_bare_refused: warn(
    'Accept Idempotency-Key without its quotes too; other senders leave them out.',
  ),
  idempotency_key_form_counts: warn('Take the quotes off before you compare: "x" and x are one key.'),
  connections_not_kept: warn(
    'Keep connections alive; a new one for each delivery costs more than the delivery.',
  ),
  answer_too_large: warn(
    'Answer with less than 64 KiB; more is not read, and the connection is closed over it.',
  ),
  answer_slow: warn('Answer sooner: close to the deadline, every hiccup makes a retry.'),
  clock_differs: warn('Set the clock by NTP: at 5 minutes every signature is refused.'),
  batch_announcement_invalid: fail('Announce as in webhook-batch: 500;path="/api/orders/batch".'),
  batch_refused: fail('Take batches at the announced path, or do not announce them.'),
  batch_signature_wrong_accepted: fail(
    'Verify the signature of a batch as that of a single state, over the whole body.',
  ),
  batch_results_missing: fail(
    'Answer 200 with one result for each delivery: {"results":[{"id":...,"status":...}]}.',
  ),
  batch_results_out_of_sequence: fail('Answer the results in the sequence of the deliveries.'),
  batch_member_spoils: fail(
    'Judge each delivery of a batch for itself; a bad one changes nothing for the others.',
  ),
  batch_verdict_wrong: fail('Give each delivery of a batch the status that it would get alone.'),
  batch_not_stored: fail('Store every delivery of a batch whose result is 2xx before you answer.'),
  list_sequence_wrong: fail('List orders in the sequence of the bytes of their ids.'),
  list_paging_wrong: fail(
    'Give at most limit rows; "next" is base64url of the last id, and hasMore says if there are more.',
  ),
  list_incomplete: fail('List every order that is held, once.'),
  list_rows_differ: fail('Show in the list the same state that GET URL/<id> shows.'),
  digest_wrong: fail('Compute the digest as docs/being-a-target.md says; compare it there with an example.'),
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultCode = keyof typeof FAULTS;

export type Verdict = 'pass' | Severity | 'not checked';

/** What one check came to. */
export interface Finding {
  readonly verdict: Verdict;
  /** What is wrong; null if nothing is. */
  readonly code: FaultCode | null;
  /** What was seen, in one sentence without an end mark. */
  readonly seen: string;
}

export function pass(seen: string): Finding {
  return { verdict: 'pass', code: null, seen };
}

export function notChecked(why: string): Finding {
  return { verdict: 'not checked', code: null, seen: why };
}

export function fault(code: FaultCode, seen: string): Finding {
  return { verdict: FAULTS[code].severity, code, seen };
}

/** A fault that any request can meet, whatever it was sent for; the runner makes a finding of it. */
export class RequestFault extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, seen: string) {
    super(seen);
    this.code = code;
  }
}
