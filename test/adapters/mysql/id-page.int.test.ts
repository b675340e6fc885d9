import { describe } from 'vitest';
import { services } from '../../services/context.ts';
import { describeIdPages } from './id-pages.ts';

describe.skipIf(services().lacks('mysql'))('MySQL', () => describeIdPages(() => services().mysql.url));
describe.skipIf(services().lacks('mariadb'))('MariaDB', () => describeIdPages(() => services().mariadb.url));
