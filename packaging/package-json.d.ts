declare module '*/package.json' {
  const manifest: { readonly version: string; readonly license: string };
  export default manifest;
}
