// Returns what page_test.go checks: the verdict, how wide the page is, and each visible text beyond the window or with a contrast
// below WCAG's level AA (https://www.w3.org/TR/WCAG21/#contrast-minimum).
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  // parse returns a CSS colour as [red, green, blue, alpha], each from 0 to 1.
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [dark, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const canvasColour = parse(getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#ffffff");
  // behind returns the colour behind an element's text.
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reduceRight((below, top) => over(top, below), canvasColour);
  };
  // scrolls reports whether the element is in a box that scrolls or cuts off its content, inside of the page.
  const scrolls = (element) => {
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      if (getComputedStyle(e).overflowX !== "visible") return true;
    }
    return false;
  };
  // Rows that are not near the window are not drawn; here all are.
  for (const element of document.querySelectorAll("*")) element.style.contentVisibility = "visible";

  const seen = { outside: [], faint: [], texts: 0 };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, element = text.parentElement, words = text.data.trim();
    if (!words || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    seen.texts++;
    const where = `${words.slice(0, 60)} in ${element.tagName.toLowerCase()}.${element.className}`;
    if ((box.right > document.documentElement.clientWidth + 1 || box.left < -1) && !scrolls(element)) seen.outside.push(`${where}: ${Math.round(box.left)} to ${Math.round(box.right)}`);
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const ground = behind(element), ratio = contrast(over(parse(style.color), ground), ground);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) seen.faint.push(`${where}: ${ratio.toFixed(2)}`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.width && box.right > document.documentElement.clientWidth + 1 && !scrolls(element)) seen.outside.push(`${element.tagName}.${element.className}: to ${Math.round(box.right)}`);
  }
  const headline = document.querySelector("h1"), place = headline?.getBoundingClientRect();
  return {
    verdict: headline?.innerText || "", inView: !!place && place.top >= 0 && place.bottom <= document.documentElement.clientHeight,
    width: document.documentElement.scrollWidth, outside: [...new Set(seen.outside)], faint: [...new Set(seen.faint)], texts: seen.texts,
  };
})();
