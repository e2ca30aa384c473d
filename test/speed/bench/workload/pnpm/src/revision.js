export const revision = "{{.Source}}";
