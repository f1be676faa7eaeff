// Reads DICOM objects with dcmjs, as OHIF does, and prints one JSON object for each: voxels of binary segments, numbers of reports.
import fs from "node:fs";
import { createRequire } from "node:module";

const dcmjs = createRequire(process.cwd() + "/")("dcmjs");
const { DicomMessage, DicomMetaDictionary, BitArray } = dcmjs.data;
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const first = (value) => list(value)[0];

function load(path) {
  const bytes = fs.readFileSync(path);
  const message = DicomMessage.readFile(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return DicomMetaDictionary.naturalizeDataset(message.dict);
}

// [source SOP instance, segment number, indices of the voxels that are set in its plane, frame of the source] of every frame
function frames(object) {
  const bits = BitArray.unpack(first(object.PixelData));
  const size = object.Rows * object.Columns;
  return list(object.PerFrameFunctionalGroupsSequence).map((group, frame) => {
    const number = first(group.SegmentIdentificationSequence).ReferencedSegmentNumber;
    const source = first(first(group.DerivationImageSequence).SourceImageSequence);
    const set = [];
    for (let voxel = 0; voxel < size; voxel++) if (bits[frame * size + voxel]) set.push(voxel);
    return [source.ReferencedSOPInstanceUID, number, set, first(source.ReferencedFrameNumber) ?? 1];
  });
}

function numbers(item, found = []) {
  if (item.ValueType === "NUM")
    found.push([first(item.ConceptNameCodeSequence).CodeValue, Number(first(item.MeasuredValueSequence).NumericValue)]);
  list(item.ContentSequence).forEach((child) => numbers(child, found));
  return found;
}

for (const path of process.argv.slice(2)) {
  const object = load(path);
  const segments = list(object.SegmentSequence).map((segment) => segment.SegmentLabel);
  const isBinary = object.SegmentationType === "BINARY";
  console.log(JSON.stringify({ segments, frames: isBinary ? frames(object) : [], numbers: numbers(object) }));
}
