//! From files to batches: image folders, decoding, preprocessing, augmentation.
