import { expect, it } from 'vitest';
import { loginFault } from '../../src/core/url-login.ts';

it.each([
  'https://shop.test/api',
  'https://user:p%40ss%3A%23%2F%25@shop.test/api',
  'https://user@shop.test',
  'https://user:p@ss@shop.test',
  'https://user:pü@shop.test',
  'https://shop.test/api/@v1?as=a@b',
  'not a URL',
])('takes %s', (given) => {
  expect(loginFault(given)).toBeNull();
});

it.each(['p#ss', '12#ss', 'p/ss', 'p?ss', 'p#s@s'])(
  'names the signs to escape for the password %s',
  (password) => {
    const fault = loginFault(`https://user:${password}@shop.test/api`);
    expect(fault).toContain('# as %23');
    expect(fault).not.toContain(password);
  },
);

it.each(['12/ss', '12?ss'])('names them for the password %s where a URL has no path', (password) => {
  expect(loginFault(`http://user:${password}@proxy.test:3128`, false)).toContain('/ as %2F');
});

it.each(['p%ss', '%zz', '%ff'])('names the %% of the password %s', (password) => {
  expect(loginFault(`https://user:${password}@shop.test/api`)).toContain('write it as %25');
});

it('refuses a user with a colon', () => {
  expect(loginFault('https://us%3Aer:p@shop.test/api')).toContain('its user has a colon');
});
