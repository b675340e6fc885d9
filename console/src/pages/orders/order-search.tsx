import { type FormEvent, useId, useState } from 'react';
import { Link } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import { get } from '../../api/client.ts';
import { orderHref, orderPath } from '../../api/paths.ts';
import { ProblemError } from '../../api/problem.ts';
import type { Order } from '../../api/types.ts';
import { ErrorNote } from '../../parts/error-note.tsx';
import { isOfOrders, said } from '../../text/words.ts';

/** Goes to the order with an id. An id is compared exactly, so nothing is cut from it or added. */
export function OrderSearch() {
  const field = useId();
  const [id, setId] = useState('');
  const [isLooking, setLooking] = useState(false);
  const [unknown, setUnknown] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const search = async (event: FormEvent) => {
    event.preventDefault();
    if (id === '') return;
    setLooking(true);
    setUnknown(null);
    setError(null);
    try {
      await get<Order>(orderPath(id));
      navigate(orderHref(id));
    } catch (thrown) {
      if (thrown instanceof ProblemError && thrown.code === 'order_unknown') setUnknown(id);
      else setError(thrown);
    } finally {
      setLooking(false);
    }
  };
  return (
    <search className="order-search">
      <form onSubmit={(event) => void search(event)}>
        <label htmlFor={field}>{said('Order id')}</label>
        <input
          id={field}
          type="text"
          value={id}
          placeholder={isOfOrders ? 'order123' : 'ID'}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => setId(event.target.value)}
        />
        <button type="submit" className="primary" disabled={isLooking}>
          {said('Go to order')}
        </button>
      </form>
      <div role="status">
        {unknown === null ? null : (
          <p className="order-unknown">
            {said('The view has no order')} <code className="id">{unknown}</code>. Ids are compared exactly:
            upper and lower case differ. <Link href={orderHref(unknown)}>What the journal says of it</Link>
          </p>
        )}
      </div>
      {error === null ? null : <ErrorNote error={error} />}
    </search>
  );
}
