/** An empty filter means all dead letters, but the caller has to give it. */
export const REDRIVE_SCHEMA = {
  type: 'object',
  required: ['filter'],
  additionalProperties: false,
  properties: {
    filter: { type: 'object', additionalProperties: { type: ['string', 'integer'] } },
    dryRun: { type: 'boolean' },
    requestedBy: { type: 'string', minLength: 1, maxLength: 255 },
  },
} as const;
