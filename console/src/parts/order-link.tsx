import { Link } from 'wouter';
import { orderHref } from '../api/paths.ts';
import { visibleId } from '../text/ids.ts';

/** The id of an order, as a link to its page. Its title has the exact id. */
export function OrderLink({ id }: { readonly id: string }) {
  return (
    <Link href={orderHref(id)} className="id" title={JSON.stringify(id)}>
      {visibleId(id)}
    </Link>
  );
}
