/** The lock of a partition's checkpoint, by the partition's name. */
export function checkpointLock(name: string): string {
  return `checkpoint ${name}`;
}

/** The lock of an entity's row in the view, which protects all that belongs to the entity but its deliveries. */
export function entityLock(entityId: string): string {
  return `entity ${entityId}`;
}

/** The lock of a row of the ledger. */
export function deliveryLock(target: string, entityId: string): string {
  return `delivery ${target} ${entityId}`;
}

/** The lock of the row that has the state of a view. */
export function stateLock(table: string): string {
  return `state of the view ${table}`;
}

/** The lock that every transaction shares that uses the view's table, so that the table is not exchanged meanwhile. */
export function tableLock(table: string): string {
  return `table ${table}`;
}
