import type { FastifyInstance, FastifyReply } from 'fastify';
import { utf8Length } from '../../../core/text.ts';
import { HttpProblem, type ProblemItem, validationProblem } from '../../shared/http/problem.ts';
import { compileBody } from '../../shared/http/validation.ts';
import {
  ORDER_ID_BYTES_MAX,
  ORDER_STATE_SCHEMA,
  type OrderState,
  payloadHashOf,
  pickOrderState,
  replacedDigestOf,
} from '../order-state.ts';
import type { Receipt, ReceivedDelivery } from '../states.ts';
import { deliveryIdFrom, deliveryIdInvalid, isDeliveryId } from './delivery-headers.ts';
import {
  DELIVERY_BATCH_RESULTS_SCHEMA,
  DELIVERY_BATCH_SCHEMA,
  DELIVERY_HEADERS,
  RECEIPT_SCHEMA,
} from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const DELIVERY_BATCH_PATH = '/api/orders/batch';

/** The longest state fits, even if the sender escapes every character as \\u0000. */
const BYTES_PER_STATE_MAX = 8_192;

interface DeliveryBatchMember {
  readonly id: string;
  readonly state: unknown;
}

interface DeliveryResult {
  readonly id: string;
  readonly status: number;
  readonly version?: number;
  readonly duplicate?: boolean;
  readonly ignored?: boolean;
  readonly code?: string;
  readonly detail?: string;
}

/** The routes that take deliveries: one state, or a delivery batch. */
export function addDeliveryRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { deliveryBatchMax } = parts;
  // Every 2xx names the route for delivery batches, because senders learn it from nothing else.
  // The path is relative to the URL of single states, so that it is right behind a proxy that strips a prefix.
  const announcement = deliveryBatchMax === 0 ? null : `${deliveryBatchMax};path="batch"`;
  const announce = (reply: FastifyReply) => {
    if (announcement !== null) reply.header('webhook-batch', announcement);
  };

  app.post<{ Body: OrderState }>(
    '/api/orders',
    {
      schema: {
        operationId: 'receiveOrder',
        summary: 'Takes the state of one order.',
        headers: DELIVERY_HEADERS,
        body: ORDER_STATE_SCHEMA,
        response: { 200: RECEIPT_SCHEMA },
      },
    },
    async (request, reply) => {
      const state = pickOrderState(request.body);
      const faults = faultsOf(state);
      if (faults !== null) throw bodyInvalid(faults);
      // A state that is posted by hand has no id. Then the same content is the same delivery.
      const deliveryId = deliveryIdFrom(request.headers) ?? `content_${payloadHashOf(state)}`;
      const replaces = replacedDigestOf(request.body);
      const receipt = await parts.groupCommit.receive({
        deliveryId,
        state,
        replaces,
        receivedAtMs: parts.now(),
      });
      if (receipt.effect === 'payload_differs') throw payloadDiffers();
      announce(reply);
      return { order_id: state.order_id, delivery_id: deliveryId, ...receiptAnswer(state, receipt) };
    },
  );

  if (deliveryBatchMax === 0) return;
  app.post<{ Body: { deliveries: readonly DeliveryBatchMember[] } }>(
    DELIVERY_BATCH_PATH,
    {
      bodyLimit: deliveryBatchMax * BYTES_PER_STATE_MAX,
      schema: {
        operationId: 'receiveOrders',
        summary: 'Takes the states of many orders in one transaction, and answers one result for each.',
        description: `At most ${deliveryBatchMax} deliveries; more are answered with 413.`,
        headers: DELIVERY_HEADERS,
        body: DELIVERY_BATCH_SCHEMA,
        response: { 200: DELIVERY_BATCH_RESULTS_SCHEMA },
      },
    },
    async (request, reply) => {
      const members = request.body.deliveries;
      if (members.length > deliveryBatchMax) {
        throw new HttpProblem(413, 'batch_too_large', `A batch has at most ${deliveryBatchMax} deliveries.`);
      }
      const results = await receiveDeliveryBatch(parts, members);
      announce(reply);
      return { results };
    },
  );
}

const validateState = compileBody(ORDER_STATE_SCHEMA);

async function receiveDeliveryBatch(
  parts: ServerParts,
  members: readonly DeliveryBatchMember[],
): Promise<DeliveryResult[]> {
  const receivedAtMs = parts.now();
  const judged = members.map((member) => judge(member, receivedAtMs));
  const deliveries = judged.filter((each): each is ReceivedDelivery => !(each instanceof HttpProblem));
  const receipts = deliveries.length === 0 ? [] : await parts.groupCommit.receiveAll(deliveries);
  let taken = 0;
  const refused = (id: string, problem: HttpProblem) => {
    parts.problems.count(problem.code);
    return refusal(id, problem);
  };
  return judged.map((each, index) => {
    const { id } = members[index] as DeliveryBatchMember;
    if (each instanceof HttpProblem) return refused(id, each);
    const receipt = receipts[taken++] as Receipt;
    return receipt.effect === 'payload_differs'
      ? refused(id, payloadDiffers())
      : { id, status: 200, ...receiptAnswer(each.state, receipt) };
  });
}

/** The member as a delivery, or the problem with it. */
function judge(member: DeliveryBatchMember, receivedAtMs: number): ReceivedDelivery | HttpProblem {
  if (!isDeliveryId(member.id)) return deliveryIdInvalid();
  if (!validateState(member.state)) return validationProblem(validateState.errors);
  const state = pickOrderState(member.state as OrderState);
  const faults = faultsOf(state);
  if (faults !== null) return bodyInvalid(faults);
  return { deliveryId: member.id, state, replaces: replacedDigestOf(member.state as object), receivedAtMs };
}

function refusal(id: string, problem: HttpProblem): DeliveryResult {
  const items = problem.errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  const detail = items === '' ? problem.message : `The state is not one: ${items}.`;
  return { id, status: problem.status, code: problem.code, detail };
}

/** The faults that JSON Schema cannot find. Half a surrogate pair has no UTF-8, so two such texts would be stored as one. */
function faultsOf(state: OrderState): ProblemItem[] | null {
  const errors: ProblemItem[] = [];
  for (const name of ['order_id', 'order_status', 'payment_status', 'review_status'] as const) {
    if (state[name]?.isWellFormed() === false) {
      errors.push({ pointer: `/${name}`, detail: 'holds half a surrogate pair' });
    }
  }
  if (utf8Length(state.order_id) > ORDER_ID_BYTES_MAX) {
    errors.push({ pointer: '/order_id', detail: `has more than ${ORDER_ID_BYTES_MAX} bytes` });
  }
  return errors.length === 0 ? null : errors;
}

function bodyInvalid(errors: readonly ProblemItem[]): HttpProblem {
  return new HttpProblem(400, 'body_invalid', 'The body is not the state of an order; see errors.', {
    errors,
  });
}

function payloadDiffers(): HttpProblem {
  return new HttpProblem(
    422,
    'payload_differs',
    'This delivery id was received before with another state; a new state needs a new id.',
  );
}

function receiptAnswer(state: OrderState, receipt: Receipt) {
  return {
    version: receipt.heldVersion ?? state.version,
    duplicate: receipt.effect === 'duplicate' || receipt.effect === 'repaired',
    ignored: receipt.effect === 'ignored',
  };
}
