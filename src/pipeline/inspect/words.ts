import { alike } from '../decode/forms/kinds.ts';

/* What the words in the names of producers say. */

/** The words of a name, in lower case: `order.created`, `OrderCreated` and `ORDER_CREATED` have the same two. */
export function wordsOf(text: string): string[] {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[-_. :/@$]+/)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

/** Words for people and things around an entity, and for what will happen or has happened to them. */
const OTHER_THINGS: ReadonlySet<string> = new Set(
  (
    'customer,consumer,buyer,user,client,member,recipient,person,contact,employee,agent,operator,author,owner,account,' +
    'address,shipping,shipment,delivery,carrier,parcel,package,tracking,billing,invoice,refund,return,item,line,product,' +
    'article,sku,ean,gtin,variant,category,shop,store,tenant,merchant,seller,vendor,supplier,company,organization,branch,' +
    'warehouse,country,region,currency,card,bank,coupon,discount,promotion,campaign,voucher,session,device,browser,' +
    'subscription,contract,trace,span,correlation,causation,conversation,partition,birth,dob,due,expiry,expires,' +
    'expiration,valid,until,registration,registered,estimated,expected,planned,scheduled,phone,mobile,fax,zip,postcode,' +
    'parent,previous,prev,original,related,linked,qty,quantity,amount,total,price,count,sum,tax,weight'
  ).split(','),
);

/** What may stand behind the word for a thing without a sign between them, as in `customerid` and `birthdate`. */
const ENDINGS = /(?:e?s|ids?|no|nr|num|number|name|code|key|ref|date|time|status|state|type)$/;

/** The words for the domain's own things, such as `order` and `payment`, by its types of events and the names of its ids. */
export function ownWordsOf(types: Readonly<Record<string, { readonly entityIdField: string }>>): Set<string> {
  const ids = Object.values(types).flatMap(({ entityIdField }) => wordsOf(entityIdField));
  return new Set([...Object.keys(types).flatMap(wordsOf), ...ids].filter((word) => word !== 'id'));
}

/** Whether the names on the way to a value say that it is of something else: the last thing that they name decides. */
export function isOfAnother(names: readonly string[], own: ReadonlySet<string>): boolean {
  const things = names.flatMap(wordsOf).filter((word) => isThing(word, own) || isThing(word, OTHER_THINGS));
  const last = things.at(-1);
  return last !== undefined && !isThing(last, own);
}

function isThing(word: string, things: ReadonlySet<string>): boolean {
  return things.has(word) || things.has(word.replace(ENDINGS, ''));
}

/** Words that programs have in front of all their names. */
const NAMESPACES: ReadonlySet<string> = new Set(['shop', 'store', 'company', 'billing', 'shipping']);

/** Words that say nothing of the thing behind which they stand. */
const EMPTY_WORDS: ReadonlySet<string> = new Set(['status', 'state', 'event', 'type', 'enum']);

/** Whether the last of these words that says something names another thing than the entity and its events. */
export function endInAnother(words: readonly string[]): boolean {
  const last = words.filter((word) => !EMPTY_WORDS.has(word)).at(-1);
  return last !== undefined && isAnother(last);
}

/** Whether one of these words names another thing than the entity and its events. */
export function nameAnother(words: readonly string[]): boolean {
  return words.some(isAnother);
}

/** Whether the word names another thing than the entity and its events. */
export function isAnother(word: string): boolean {
  return OTHER_THINGS.has(word) && !NAMESPACES.has(word);
}

/** A name without the words for the domain's own things: `orderDate` is `date`. */
export function withoutOwn(name: string, own: ReadonlySet<string>): string {
  return alike(
    wordsOf(name)
      .filter((word) => !own.has(word))
      .join(''),
  );
}

const NUMBERINGS = 'no,nr,nbr,num,number,ref,reference,code,key,uuid,guid,identifier'.split(',');

/** Whether the name is that of an id in other words: `orderNo` is `orderId`. */
export function isNumbering(name: string, idField: string): boolean {
  const thing = alike(idField).replace(/id$/, '');
  return thing !== '' && NUMBERINGS.some((numbering) => alike(name) === thing + numbering);
}

const TIME_WORDS: ReadonlySet<string> = new Set(
  'time,timestamp,date,datetime,ts,at,on,when,ms,millis,seconds,micros,created,occurred,zeit'.split(','),
);

/** Whether a number by this name may be a time. */
export function namesTime(name: string): boolean {
  return wordsOf(name).some((word) => TIME_WORDS.has(word) || /(time|date|stamp|seconds|millis)$/.test(word));
}

const ENVELOPES: ReadonlySet<string> = new Set(
  'header,headers,meta,metadata,envelope,message,event,context,properties,info'.split(','),
);

/** Whether all of these names are those of what stands around an event. */
export function areEnvelopes(names: readonly string[]): boolean {
  return names.every((name) => ENVELOPES.has(alike(name)));
}

const TYPE_NAMES: ReadonlySet<string> = new Set(
  'type,event,eventname,kind,action,messagetype,entity'.split(','),
);

/** Whether a member by this name says of which type something is. */
export function isTypeName(name: string): boolean {
  return TYPE_NAMES.has(alike(name));
}
