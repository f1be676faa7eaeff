-- Orthanc: sends every CT series that has come to rest to the node, as a job of its own. Results (SEG, SR, OT) are no CT and stay.
function OnStableSeries(seriesId, tags, metadata)
  if tags['Modality'] == 'CT' then
    RestApiPost('/modalities/pdac/store', DumpJson({ Resources = { seriesId }, Synchronous = false }))
  end
end
