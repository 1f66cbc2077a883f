import { createRoot } from "react-dom/client";
import { App } from "./App";
import { keepFocus } from "./shell/keepFocus";
import "./styles/console.css";
import { admitEmptyHtml } from "./trustedTypes";

admitEmptyHtml();
const container = document.getElementById("console");
if (container === null) throw new Error("The page has no element with the id `console`.");
keepFocus(container);
createRoot(container).render(<App />);
