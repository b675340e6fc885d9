import { describeStoreOnServer } from './store-on-server.ts';

describeStoreOnServer('mysql');
