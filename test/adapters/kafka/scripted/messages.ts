import { clusterApis } from './cluster-messages.ts';
import type { ValueOf } from './codec.ts';
import { groupApis } from './group-messages.ts';
import { logApis } from './log-messages.ts';

/*
 * The requests that the adapter sends, each in the one version that it uses. All of these versions have compact types
 * and tagged fields.
 * Source: https://kafka.apache.org/protocol#protocol_messages
 */

export const apis = { ...logApis, ...groupApis, ...clusterApis };

export type ApiName = keyof typeof apis;
export type RequestOf<Name extends ApiName> = ValueOf<(typeof apis)[Name]['request']>;
export type ResponseOf<Name extends ApiName> = ValueOf<(typeof apis)[Name]['response']>;
export const apiNames = Object.keys(apis) as readonly ApiName[];
