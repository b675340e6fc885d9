import type { FastifyInstance } from 'fastify';
import { type EntityWords, entityWords } from '../../../core/entity-words.ts';
import { orders } from '../../../orders/index.ts';

/** The schemas of the routes are written for orders. */
const WRITTEN = entityWords(orders);

/** Has the schemas of all routes that are added afterwards name the domain's members: those of an id, and of several entities. */
export function nameMembers(app: FastifyInstance, words: EntityWords): void {
  if (words.idMember === WRITTEN.idMember) return;
  const names = new Map([
    [WRITTEN.idMember, words.idMember],
    [WRITTEN.listMember, words.listMember],
  ]);
  app.addHook('onRoute', (route) => {
    const response = route.schema?.response;
    if (response !== undefined) route.schema = { ...route.schema, response: renamed(response, names) };
  });
}

/** A schema, or a part of one, in which properties and the lists of required ones have other names. */
function renamed(schema: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(schema)) return schema.map((part) => renamed(part, names));
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]: [string, unknown]) => {
      if (keyword === 'required' && Array.isArray(value))
        return [keyword, value.map((name: string) => names.get(name) ?? name)];
      if (keyword === 'properties' && typeof value === 'object' && value !== null)
        return [
          keyword,
          Object.fromEntries(
            Object.entries(value).map(([name, part]) => [names.get(name) ?? name, renamed(part, names)]),
          ),
        ];
      return [keyword, renamed(value, names)];
    }),
  );
}
