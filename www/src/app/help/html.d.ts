/** A page of `docs/` as HTML (scripts/docs.mjs). */
declare module "*.md?html" {
  const html: string;
  export default html;
}
