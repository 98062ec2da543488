// ReDoc on our own description of the API.
// Its footer asks a foreign host for a logo. No picture from elsewhere is loaded, so that nobody learns who reads here.
const image = HTMLImageElement.prototype;
const source = Object.getOwnPropertyDescriptor(image, "src");
const setAttribute = image.setAttribute;
const isOurs = (address) => new URL(address, location.href).origin === location.origin || String(address).startsWith("data:");

Object.defineProperty(image, "src", {
  ...source,
  set(address) {
    if (isOurs(address)) source.set.call(this, address);
  },
});
image.setAttribute = function (name, value) {
  if (name !== "src" || isOurs(value)) setAttribute.call(this, name, value);
};

const place = document.getElementById("redoc");
Redoc.init(place.dataset.schema, { nativeScrollbars: true }, place);
