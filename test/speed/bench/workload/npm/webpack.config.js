module.exports = {
  mode: "production",
  entry: "./src/index.js",
  cache: { type: "filesystem", buildDependencies: { config: [__filename] } },
  optimization: { splitChunks: { chunks: "all" } },
  performance: { hints: false },
};
