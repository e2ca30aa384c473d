import React from "react";
import { createRoot } from "react-dom/client";
import * as antd from "antd";
import dayjs from "dayjs";
import * as echarts from "echarts";
import { revision } from "./revision.js";

function Page() {
  const chart = React.useRef(null);
  React.useEffect(() => {
    echarts.init(chart.current).setOption({ series: [{ type: "bar", data: [1, 2, 3] }] });
  }, []);
  return React.createElement(antd.ConfigProvider, null,
    React.createElement(antd.Typography.Title, null, revision),
    Object.keys(antd).map((name) => React.createElement(antd.Tag, { key: name }, name)),
    React.createElement(antd.DatePicker, { defaultValue: dayjs() }),
    React.createElement("div", { ref: chart }));
}

createRoot(document.body).render(React.createElement(Page));
