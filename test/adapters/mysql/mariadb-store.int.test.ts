import { describeStoreOnServer } from './store-on-server.ts';

// Every statement runs with a prefix on one of the two servers: it is in the text, whichever server reads it.
describeStoreOnServer('mariadb', 'p2_');
