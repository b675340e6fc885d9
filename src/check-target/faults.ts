/** `fail`: states will be lost, be wrong, or never arrive. `warn`: states arrive, but the fault costs time. */
export type Severity = 'fail' | 'warn';

interface Fault {
  readonly severity: Severity;
  /** What the owner of the target has to do. */
  readonly remedy: string;
}

const fail = (remedy: string): Fault => ({ severity: 'fail', remedy });
const warn = (remedy: string): Fault => ({ severity: 'warn', remedy });

/**
 * All faults that a check can find. A code never changes its meaning, since scripts compare codes. docs/being-a-target.md
 * lists them, and a test compares the two.
 */
export const FAULTS = {
  target_unreachable: fail('Start the target, or correct the URL.'),
  no_answer_in_time: fail('Answer every request within the deadline, and do long work after the answer.'),
  connection_broken: fail(
    'Answer every request completely; the log of the target should say why it did not.',
  ),
  redirects: fail('Answer under the given URL; redirects are not followed.'),
  authorization_wanted: fail('Give the key, the user or the token that the target wants.'),
  client_certificate_wanted: fail('Give a certificate that the target knows, and its key.'),
  authority_unknown: fail("Give the file of the authority that signs the target's certificate."),
  certificate_invalid: fail('Renew the certificate of the target, and let it have the host name of the URL.'),
  proxy_in_the_way: fail('Correct the proxy, or reach the target without one.'),
  throttled: fail(
    'Answer 429 or 503 only if the same request can succeed soon, and say when by Retry-After.',
  ),
  secret_wanted: fail('Give the secret of the target, or let the target take unsigned requests on loopback.'),
  right_signature_refused: fail(
    'Verify HMAC-SHA256 over "id.timestamp.body" with the bytes as received, and the same secret on both sides.',
  ),
  state_refused: fail('Answer 2xx to a state that follows the contract.'),
  success_says_failure: fail(
    'Answer 4xx or 5xx to a state that is not stored; every 2xx counts as stored, whatever its body says.',
  ),
  success_is_page: warn(
    'Check that the URL is the one that takes states; a page for people, such as a login, counts as success, too.',
  ),
  not_stored: fail('Store the state before you answer 2xx; it is not sent again after that.'),
  stored_after_answer: fail(
    'Answer after the commit; a state that is lost between answer and commit is not sent again.',
  ),
  state_differs: fail('Keep all six fields as they were sent.'),
  delivery_id_wrong: fail(
    'Answer with the webhook-id of the request as delivery_id, or without that field; an answer with another id is not believed.',
  ),
  signature_wrong_accepted: fail('Refuse with 401 a request that no known secret signed.'),
  signature_missing_accepted: fail('Refuse with 401 a request without webhook-signature.'),
  timestamp_old_accepted: fail('Refuse with 401 a webhook-timestamp more than 5 minutes in the past.'),
  timestamp_future_accepted: fail('Refuse with 401 a webhook-timestamp more than 5 minutes in the future.'),
  body_changed_accepted: fail('Compute the signature over the bytes of the body as they were received.'),
  refused_but_stored: fail('Verify the signature before you store anything.'),
  refusal_fails: fail(
    'Answer 401 to a request with a wrong signature; after a 5xx it is tried again and again.',
  ),
  refusal_not_401: warn('Answer 401, so that the ledger shows the reason.'),
  signature_rotation_refused: fail(
    'Split webhook-signature at blanks, and accept the request if one of the signatures is right.',
  ),
  duplicate_fails: fail(
    'Look the delivery id up first, and answer 200 if it is known with the same payload.',
  ),
  duplicate_refused: fail(
    'Answer 200 to an id that is known with the same payload: the sender has lost the first answer.',
  ),
  duplicate_applied_twice: fail(
    'Store the delivery id in the transaction of its effect, and do nothing for a known id.',
  ),
  duplicate_undid_newer: fail('Do nothing for a known id, and never let the version fall.'),
  duplicates_at_once_fail: fail(
    'Make the delivery id a primary key and insert it first; answer 200 or 409 to the second request.',
  ),
  payload_change_accepted: fail(
    'Keep a hash of the payload beside the delivery id, and answer 422 if it differs.',
  ),
  payload_change_fails: fail(
    'Answer 422 to a known id with another payload; after a 5xx it is tried again and again.',
  ),
  payload_change_not_422: warn(
    'Answer 422; after 409 the delivery is tried again, since 409 means that the id is still in progress.',
  ),
  older_version_won: fail('Write a state only if its version is above the held one.'),
  older_version_refused: fail(
    'Answer 200 to an older version and ignore it; a refused delivery becomes a dead letter.',
  ),
  equal_version_won: fail(
    'Write a state only if its version is above the held one; an equal version changes nothing.',
  ),
  equal_version_refused: fail(
    'Answer 200 to an equal version and ignore it; a refused delivery becomes a dead letter.',
  ),
  versions_at_once_lower_won: fail(
    'Compare the versions inside the statement or the transaction that writes, not before it.',
  ),
  versions_at_once_refused: fail('Let requests for one order wait for each other instead of failing.'),
  extra_fields_refused: fail('Ignore unknown fields; later versions may add some.'),
  garbage_accepted: fail('Answer 400 to a body that is no state, and store nothing of it.'),
  garbage_fails: fail('Answer 400 to a body that is no state; after a 5xx it is tried again and again.'),
  id_refused: fail('Take every id of 1 to 255 bytes of UTF-8.'),
  id_changed: fail(
    'Keep the id unchanged: do not trim it, fold its case, normalise it, or cut it below 255 bytes.',
  ),
  path_changed: warn(
    'Have the proxy before the target pass paths as they are (nginx: proxy_pass without a path); only GET by id suffers.',
  ),
  ids_confused: fail('Compare ids by their bytes: use a binary collation that does not pad blanks.'),
  idempotency_key_bare_refused: warn(
    'Accept Idempotency-Key without its quotes, too; some senders leave them out.',
  ),
  idempotency_key_form_counts: warn('Remove the quotes before you compare: "x" and x are one key.'),
  connections_not_kept: warn('Keep connections alive; a new connection costs more than a delivery.'),
  keep_alive_short: warn('Keep idle connections for 5 s or longer; a new one costs more than a delivery.'),
  answer_too_large: warn(
    'Answer with less than 64 KiB; the sender reads no more, and then closes the connection.',
  ),
  answer_slow: warn('Answer sooner; this close to the deadline a short delay causes a retry.'),
  clock_differs: warn('Set the clock by NTP; with a difference of 5 minutes every signature is refused.'),
  batch_announcement_invalid: fail('Announce batches in this form: webhook-batch: 500;path="batch".'),
  batch_outside_prefix: fail('Announce batches by a path below the URL, without a slash at its beginning.'),
  batch_refused: fail('Take batches at the announced path, or do not announce them.'),
  batch_signature_wrong_accepted: fail(
    'Verify the signature of a batch over its whole body, as that of a single state.',
  ),
  batch_results_missing: fail(
    'Answer 200 with one result for each delivery: {"results":[{"id":...,"status":...}]}.',
  ),
  batch_results_out_of_sequence: fail('Answer the results in the sequence of the deliveries.'),
  batch_member_spoils: fail(
    'Judge each delivery of a batch by itself; a bad one changes nothing for the others.',
  ),
  batch_verdict_wrong: fail('Give each delivery of a batch the status that it would get alone.'),
  batch_not_stored: fail('Store every delivery of a batch that gets a 2xx result, before you answer.'),
  list_sequence_wrong: fail('List orders in the sequence of the bytes of their ids.'),
  list_paging_wrong: fail(
    'Give at most limit rows; "next" is base64url of the last id, and hasMore says whether more follow.',
  ),
  list_incomplete: fail('List every held order once.'),
  list_rows_differ: fail('Show in the list the same state as under GET URL/<id>.'),
  digest_wrong: fail(
    'Compute the digest as docs/being-a-target.md says, and compare it with the example there.',
  ),
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultCode = keyof typeof FAULTS;

export type Verdict = 'pass' | Severity | 'not checked';

/** The result of one check. */
export interface Finding {
  readonly verdict: Verdict;
  /** The fault, or null if there is none. */
  readonly code: FaultCode | null;
  /** What the check saw, in one sentence without a full stop. */
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

/** Faults of the way to the target. They strike every request alike, so one line about each of them says all. */
const OF_EVERY_REQUEST: ReadonlySet<FaultCode> = new Set([
  'target_unreachable',
  'redirects',
  'authorization_wanted',
  'client_certificate_wanted',
  'authority_unknown',
  'certificate_invalid',
  'proxy_in_the_way',
  'throttled',
]);

/** A fault that any request can meet, such as a missing answer. The runner makes a finding of it. */
export class RequestFault extends Error {
  readonly code: FaultCode;
  /** Whether other requests meet the same fault, so that it says nothing about the check that meets it. */
  readonly isOfEveryRequest: boolean;

  constructor(code: FaultCode, seen: string, isOfEveryRequest = OF_EVERY_REQUEST.has(code)) {
    super(seen);
    this.code = code;
    this.isOfEveryRequest = isOfEveryRequest;
  }
}
