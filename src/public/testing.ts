export { DomainMistake, type Mistake } from '../testing/mistakes.ts';
export {
  type DomainReport,
  type TestedDomain,
  type TestOptions,
  testDomain,
} from '../testing/test-domain.ts';
