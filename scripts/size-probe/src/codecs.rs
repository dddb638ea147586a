//! JSON, CBOR, postcard and ubus, each with as many types as the daemon has messages.
#![allow(dead_code, unused_imports)]

/// Fifteen kinds of record and one enum over them, as the ledger has.
macro_rules! records {
    ($($number:literal $name:ident),*) => {
        $(
            #[derive(Clone, Debug)]
            #[cfg_attr(feature = "cbor", derive(minicbor::Encode, minicbor::Decode))]
            #[cfg_attr(any(feature = "json", feature = "binary"), derive(serde::Serialize, serde::Deserialize))]
            pub(crate) struct $name {
                #[cfg_attr(feature = "cbor", n(0))]
                pub(crate) issuer: u16,
                #[cfg_attr(feature = "cbor", n(1))]
                pub(crate) amount: i64,
                #[cfg_attr(feature = "cbor", n(2))]
                pub(crate) name: String,
                #[cfg_attr(feature = "cbor", n(3))]
                pub(crate) when: Option<u64>,
                #[cfg_attr(feature = "cbor", n(4))]
                pub(crate) parts: Vec<u32>,
                #[cfg_attr(feature = "cbor", n($number))]
                pub(crate) last: bool,
            }
        )*

        #[derive(Clone, Debug)]
        #[cfg_attr(feature = "cbor", derive(minicbor::Encode, minicbor::Decode))]
        #[cfg_attr(any(feature = "json", feature = "binary"), derive(serde::Serialize, serde::Deserialize))]
        pub(crate) enum Record {
            $(#[cfg_attr(feature = "cbor", n($number))]
            $name(#[cfg_attr(feature = "cbor", n(0))] $name),)*
        }
    };
}

records!(5 Charter, 6 Member, 7 Person, 8 Epoch, 9 Plan, 10 Issue, 11 Sale, 12 Activation, 13 Usage, 14 Device,
    15 Revocation, 16 Settlement, 17 Service, 18 Notice, 19 Status);

#[cfg(feature = "json")]
pub(crate) fn json(input: &[u8]) -> String {
    match serde_json::from_slice::<Vec<Record>>(input) {
        Ok(records) => serde_json::to_string(&records).unwrap_or_default(),
        Err(error) => error.to_string(),
    }
}

#[cfg(feature = "cbor")]
pub(crate) fn cbor(input: &[u8]) -> String {
    match minicbor::decode::<Vec<Record>>(input) {
        Ok(records) => format!("{:?}", minicbor::to_vec(&records).map(|bytes| bytes.len()).ok()),
        Err(error) => error.to_string(),
    }
}

#[cfg(feature = "binary")]
pub(crate) fn binary(input: &[u8]) -> String {
    match postcard::from_bytes::<Vec<Record>>(input) {
        Ok(records) => format!("{:?}", postcard::to_allocvec(&records).map(|bytes| bytes.len()).ok()),
        Err(error) => error.to_string(),
    }
}

#[cfg(feature = "ubus")]
pub(crate) fn ubus(input: &[u8]) -> String {
    use ubus::blobmsg::{BlobBuilder, BlobIter, to_json};
    use ubus::envelope::{EnvBuilder, UbusAttr, iter_attrs};
    use ubus::wire::{Codec, Frame};

    let mut reply = BlobBuilder::new();
    reply.open_table(Some("session"));
    reply.put_str(Some("name"), &String::from_utf8_lossy(input));
    reply.put_i64(Some("bytes"), input.len() as i64);
    reply.put_bool(Some("admitted"), input.is_empty());
    reply.close_table();
    reply.open_array(Some("list"));
    reply.put_i32(None, input.len() as i32);
    reply.close_array();
    let table = reply.finish();
    let mut envelope = EnvBuilder::new();
    envelope.push_u32(UbusAttr::ObjId, 7);
    envelope.push_data(&table);
    let frame = Frame::to_broker(ubus::MsgType::Data, 1, envelope.finish());
    let mut seen = to_json(&table, true);
    for bytes in [Codec::write_frame(&frame).as_slice(), input] {
        let Ok((frame, _)) = Codec::read_frame(bytes) else { continue };
        let mut attributes = iter_attrs(&frame.payload);
        while let Ok(Some(attribute)) = attributes.try_next() {
            let mut values = BlobIter::new(attribute.as_blobmsg());
            while let Ok(Some(value)) = values.try_next() {
                seen += &format!("{:?}{:?}", value.as_str(), value.as_i32());
            }
        }
    }
    seen
}
