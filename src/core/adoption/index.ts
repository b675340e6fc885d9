export {
  type AdoptionReport,
  alteredNames,
  alteredNote,
  NO_ROWS,
  namesTaken,
  notAdoptable,
  reportText,
  tablesDropped,
  tooManyAltered,
} from './report.ts';
export { type AdoptRow, type Delivery, doubledIds, type RawRow, RowReader } from './rows.ts';
export { type FoundStore, type Situation, type Standing, situationOf, type ViewRecord } from './situation.ts';
export { examineStructure, OWN_DATABASE } from './structure.ts';
export {
  type AdoptionChoices,
  type Attachment,
  columnNamed,
  type Finding,
  type FoundColumn,
  type FoundTable,
  isSameName,
  NO_CHOICES,
  type ValueFamily,
  VIEW_MARK,
  type ViewShape,
} from './table.ts';
export type { RawValue } from './values.ts';
